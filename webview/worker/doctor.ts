import { toProblem } from '../../src/common/errors';
import type { DoctorLine } from '../../src/common/protocol';
import type { OpenDevice } from '../engine/runtime/device';
import { selfTest } from '../engine/runtime/selfTest';

/** Checks, from "is there WebGPU at all" to "does it compute right", for the page of GPU Doctor. */
export async function examine(gpu: GPU | undefined, open: () => Promise<OpenDevice>): Promise<DoctorLine[]> {
  if (!gpu) return [{ check: 'WebGPU', verdict: 'error', detail: 'navigator.gpu is missing.', hint: linuxHint }];
  const lines: DoctorLine[] = [{ check: 'WebGPU', verdict: 'ok', detail: 'navigator.gpu is there.' }];
  try {
    const opened = await open();
    return [...lines, ...adapterLines(opened), await computeLine(opened)];
  } catch (error) {
    const { message, hint } = toProblem(error);
    return [...lines, { check: 'Adapter', verdict: 'error', detail: message, hint }];
  }
}

const linuxHint =
  'On a Linux desktop start VS Code with: code --enable-unsafe-webgpu --enable-features=Vulkan. Elsewhere update VS Code.';
const defaultBinding = 128 * 2 ** 20;

function adapterLines({ info, device }: OpenDevice): DoctorLine[] {
  const name = [info.vendor, info.architecture, info.description].filter(Boolean).join(' · ') || 'unnamed';
  const adapter: DoctorLine = info.software
    ? {
        check: 'Adapter',
        verdict: 'warning',
        detail: `${name}: a software adapter. Results are right, speed is not.`,
        hint: linuxHint,
      }
    : { check: 'Adapter', verdict: 'ok', detail: name };
  const { maxBufferSize, maxStorageBufferBindingSize } = info.limits;
  const large = maxStorageBufferBindingSize > defaultBinding;
  return [
    adapter,
    {
      check: 'Limits',
      verdict: large ? 'ok' : 'warning',
      detail: `Buffers up to ${mib(maxBufferSize)} MiB, bindings up to ${mib(maxStorageBufferBindingSize)} MiB.`,
      hint: large ? undefined : 'Large embeddings are split; long contexts with large batches may not fit.',
    },
    { check: 'Features', verdict: 'ok', detail: [...device.features].sort().join(', ') || 'only the WebGPU core' },
  ];
}

async function computeLine(opened: OpenDevice): Promise<DoctorLine> {
  const error = await selfTest(opened);
  if (error <= 1e-5) return { check: 'Arithmetic', verdict: 'ok', detail: 'A matrix product agrees with the CPU.' };
  return {
    check: 'Arithmetic',
    verdict: 'error',
    detail: `A matrix product differs from the CPU by ${error.toExponential(1)}.`,
    hint: 'Update the graphics driver. Results of this adapter cannot be trusted.',
  };
}

function mib(bytes: number): string {
  return Math.floor(bytes / 2 ** 20).toLocaleString('en');
}
