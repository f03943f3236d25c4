import { openDevice } from '../../../webview/engine/runtime/device';

/** A loop of multiply-adds on register tiles of a matrix kernel: what is left when a product needs no memory. */
export interface PeakKernel {
  readonly name: string;
  readonly accumulators: number;
}

const vectors = 16;
const iterations = 4000;
const threads = 1024;

const code = `
@group(0) @binding(0) var<storage, read_write> out: array<vec4<f32>>;
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = vec4<f32>(out[0].x + 0.999);
  let y = vec4<f32>(out[0].y + 0.001);
${list(i => `  var s${i} = vec4<f32>(f32(id.x) + ${i}.0);`)}
  for (var i = 0u; i < ${iterations}u; i++) {
${list(i => `    s${i} = s${i} * x + y;`)}
  }
  out[id.x + 1u] = ${Array.from({ length: vectors }, (_, i) => `s${i}`).join(' + ')};
}`;

function list(line: (i: number) => string): string {
  return Array.from({ length: vectors }, (_, i) => line(i)).join('\n');
}

let run: (() => Promise<number>) | undefined;

/** GFLOP/s of 64 independent multiply-adds per iteration and thread, the accumulators of a matrix kernel's tile. */
export async function peak(): Promise<number> {
  run ??= await prepare();
  return run();
}

async function prepare(): Promise<() => Promise<number>> {
  const { device } = await openDevice(navigator.gpu);
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  const buffer = device.createBuffer({ size: (threads + 1) * 16, usage: GPUBufferUsage.STORAGE });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  return async () => {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(threads / 16);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return (threads * iterations * vectors * 4 * 2) / (performance.now() - start) / 1e6;
  };
}
