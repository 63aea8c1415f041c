/** Shares by name, as bars with their numbers. */

export interface Bar {
  readonly name: string;
  /** In [0, 1]; anything else has no bar. */
  readonly share: number;
  readonly text: string;
  readonly tone: 'good' | 'bad' | null;
}

export function Bars({ label, rows }: { readonly label: string; readonly rows: readonly Bar[] }) {
  return (
    <table class="bars" aria-label={label}>
      <tbody>
        {rows.map(({ name, share, text, tone }) => (
          <tr key={name} class={tone ?? ''}>
            <th scope="row">{name}</th>
            <td class="bar">
              <span style={{ width: `${share >= 0 && share <= 1 ? 100 * share : 0}%` }} />
            </td>
            <td>{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
