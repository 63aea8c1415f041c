/** Hands a file to the visitor, by a link that nobody sees. */
export function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A name that every system takes: what some forbid becomes a dash. */
export function fileName(name: string): string {
  const dot = name.lastIndexOf('.');
  const clean = (text: string) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no file may have them in its name
    text.replace(/[\u0000-\u001f\u007f<>:"/\\|?*]+/g, '-').replace(/^[\s.]+|[\s.]+$/g, '');
  return `${clean(name.slice(0, dot)).slice(0, 100) || 'wgrad'}${name.slice(dot)}`;
}
