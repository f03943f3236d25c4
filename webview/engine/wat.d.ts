/** A WebAssembly module in its text format; the bundle holds it compiled. */
declare module '*.wat' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
