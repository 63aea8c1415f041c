/** A compute shader as a program gives it to WebGPU. */
export interface Shader {
  readonly code: string;
  /** Default: the only one. */
  readonly entryPoint?: string;
  /** Values of `override` declarations. */
  readonly constants?: Readonly<Record<string, number>>;
}
