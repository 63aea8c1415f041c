/** A Worker that the bundler puts into the script which starts it. */
declare module '*?worker&inline' {
  const LiveWorker: new () => Worker;
  export default LiveWorker;
}
