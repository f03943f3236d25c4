import { problem } from '../../../src/common/errors';
import type { Kernel } from './kernel';

const paramBytes = 64;

/** Layouts shared by all kernels: group 0 by number of storage bindings, group 1 the parameters and the step values. */
export class PipelineCache {
  private readonly pipelines = new Map<string, GPUComputePipeline>();
  private readonly storageLayouts = new Map<number, GPUBindGroupLayout>();
  readonly parameterLayout: GPUBindGroupLayout;

  constructor(private readonly device: GPUDevice) {
    this.parameterLayout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: 4, buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: paramBytes } },
        { binding: 1, visibility: 4, buffer: { type: 'uniform' } },
      ],
    });
  }

  /** Compiles what is missing, all at once: drivers compile pipelines in parallel. */
  async prepare(kernels: Iterable<Kernel>): Promise<void> {
    const missing = new Map<string, Kernel>();
    for (const kernel of kernels) if (!this.pipelines.has(kernel.key)) missing.set(kernel.key, kernel);
    await Promise.all([...missing.values()].map(kernel => this.compile(kernel)));
  }

  get(kernel: Kernel): GPUComputePipeline {
    const pipeline = this.pipelines.get(kernel.key);
    if (!pipeline)
      throw problem('gpu.pipeline', `Kernel ${kernel.key} was not prepared.`, 'This is a defect in the engine.');
    return pipeline;
  }

  get size(): number {
    return this.pipelines.size;
  }

  storageLayout(bindings: number): GPUBindGroupLayout {
    let layout = this.storageLayouts.get(bindings);
    if (!layout) {
      const entries = Array.from({ length: bindings }, (_, binding) => ({
        binding,
        visibility: 4,
        buffer: { type: 'storage' as const },
      }));
      layout = this.device.createBindGroupLayout({ entries });
      this.storageLayouts.set(bindings, layout);
    }
    return layout;
  }

  private async compile(kernel: Kernel): Promise<void> {
    const module = this.device.createShaderModule({ code: kernel.code, label: kernel.key });
    const layout = this.device.createPipelineLayout({
      bindGroupLayouts: [this.storageLayout(kernel.bindings), this.parameterLayout],
    });
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        label: kernel.key,
        layout,
        compute: { module, entryPoint: 'main' },
      });
      this.pipelines.set(kernel.key, pipeline);
    } catch (error) {
      const info = await module.getCompilationInfo();
      const lines = info.messages.filter(m => m.type === 'error').map(m => `${m.lineNum}:${m.linePos} ${m.message}`);
      const detail = lines.join('; ') || String(error);
      throw problem(
        'gpu.compile',
        `Kernel ${kernel.key} does not compile on this adapter: ${detail}.`,
        'Run GPU Doctor.',
      );
    }
  }
}
