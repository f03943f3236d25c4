import { create, globals } from 'webgpu';

/** Dawn ends the process when its instance is collected, so the module keeps it for good. */
let instance: GPU | undefined;

/** WebGPU in node, on Dawn. The Vulkan driver is whatever `VK_DRIVER_FILES` or the system says. */
export function nodeGpu(): GPU {
  if (!instance) {
    Object.assign(globalThis, globals);
    instance = create([]);
  }
  return instance;
}
