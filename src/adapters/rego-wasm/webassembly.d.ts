// The compiler's libraries declare WebAssembly only together with the browser's globals, which this project leaves out. Only what the engine uses.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  interface MemoryDescriptor {
    readonly initial: number;
    readonly maximum: number;
  }
}
