/** How often each true class was taken for which: rows are true classes, darker cells larger shares of a row. */

interface Props {
  readonly classNames: readonly string[];
  /** A row a true class; a column a predicted one, and a last one for what got no number. */
  readonly counts: readonly (readonly number[])[];
}

/** Share of a row above which a cell is too dark for black text. */
const DARK = 0.72;

export function ConfusionTable({ classNames, counts }: Props) {
  const unknown = counts.some((row) => row[classNames.length] > 0);
  const columns = unknown ? [...classNames, 'no number'] : classNames;
  return (
    <table class="confusion">
      <caption>Rows: true class. Columns: predicted class.</caption>
      <thead>
        <tr>
          <td />
          {columns.map((name) => (
            <th key={name} scope="col">
              <span>{name}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {classNames.map((name, truth) => {
          const total = counts[truth].reduce((sum, count) => sum + count, 0);
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              {columns.map((column, guess) => {
                const count = counts[truth][guess];
                const share = total === 0 ? 0 : count / total;
                const place = truth === guess ? 'diagonal' : '';
                return (
                  <td
                    key={column}
                    class={`${place} ${share > DARK ? 'dark' : ''}`}
                    style={{ '--share': `${Math.round(100 * share)}%` }}
                    title={`${count} of ${total} × ${name} taken for ${column}`}
                  >
                    {count === 0 ? '' : count}
                  </td>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
