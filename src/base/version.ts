/** The version of this package, such as `0.1.0`: that in its package.json, which a browser cannot read. */
export const VERSION = '0.1.0';
