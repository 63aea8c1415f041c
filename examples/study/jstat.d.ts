/** What the study uses of jstat, which comes without types. */
declare module 'jstat' {
  const jStat: {
    readonly studentt: {
      /** The value that Student's t with `df` degrees of freedom stays below with probability `p`. */
      inv(p: number, df: number): number;
    };
  };
  export default jStat;
}
