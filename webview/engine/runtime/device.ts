import { problem } from '../../../src/common/errors';
import type { AdapterInfo } from '../../../src/common/run/events';
import type { Profile } from './kernel';
import { countBuffers, type Ledger } from './ledger';
import { PipelineCache } from './pipelines';

/** A device with what the host wants to know about it. The engine never asks the platform again. */
export interface OpenDevice {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  readonly profile: Profile;
  /** Compiled kernels, kept as long as the device: the next run of the same kind starts at once. */
  readonly pipelines: PipelineCache;
  /** Bytes of every buffer this device holds, counted at `createBuffer` itself. */
  readonly ledger: Ledger;
}

/**
 * Takes an adapter and a device with the adapter's largest buffer and binding sizes.
 * @throws `gpu.none` when the platform offers no adapter, with what to do about it.
 */
export async function openDevice(gpu: GPU | undefined): Promise<OpenDevice> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw problem(
      'gpu.none',
      gpu ? 'WebGPU found no adapter.' : 'This environment has no WebGPU.',
      'On Linux start VS Code with --enable-unsafe-webgpu --enable-features=Vulkan; elsewhere update the graphics driver.',
    );
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const { vendor, architecture, description } = adapter.info;
  const software = isSoftware(adapter.info);
  const quads = software && hasQuads(adapter);
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    requiredFeatures: quads ? ['subgroups'] : [],
  });
  return {
    device,
    pipelines: new PipelineCache(device),
    ledger: countBuffers(device),
    info: { vendor, architecture, description, software, limits: { maxBufferSize, maxStorageBufferBindingSize } },
    profile: quads ? 'quads' : software ? 'software' : 'gpu',
  };
}

/** Adapters known to number the lanes of a workgroup in order, so that four neighbours are a quad. */
function hasQuads(adapter: GPUAdapter): boolean {
  const known = /swiftshader|llvmpipe/i.test(`${adapter.info.architecture} ${adapter.info.description}`);
  return known && adapter.features.has('subgroups');
}

/** SwiftShader and lavapipe name themselves; other fallbacks set the flag. */
function isSoftware(info: GPUAdapterInfo): boolean {
  const fallback = 'isFallbackAdapter' in info && info.isFallbackAdapter === true;
  return fallback || /swiftshader|llvmpipe|lavapipe|software/i.test(`${info.architecture} ${info.description}`);
}
