/**
 * Where the system has no locale (`LANG=C`), a browser's language may be `en-US@posix`, which is no language tag. uPlot makes an
 * `Intl.NumberFormat` of it as soon as it is loaded, and a page that loads it would not come up at all.
 */

/** Makes the browser's language one that `Intl` takes. To be called before uPlot is loaded. */
export function mendLanguage(): void {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    // What the pages are written in.
    Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
  }
}
