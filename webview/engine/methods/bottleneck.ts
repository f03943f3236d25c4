import type { BottleneckConfig } from '../../../src/common/config/schema';
import { normal, streamOf, truncatedNormal, uniform, type RandomKey } from '../data/random';
import { checkContinuesAdapter, type BottleneckAdapter } from '../formats/adaptersLibrary';
import { writeBottleneckAdapter } from '../formats/adaptersLibraryWriter';
import type { GraphBuilder, ParameterSpec } from '../graph/builder';
import { elements, type Tensor } from '../graph/tensor';
import { tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { activation } from '../ops/activation';
import type { ActivationName } from '../ops/activationFunctions';
import { add } from '../ops/add';
import { meterGate } from '../ops/gateMeter';
import { linear } from '../ops/linear';
import { bottleneckImportance, gateState } from './bottleneckImportance';
import { adapterPlaces, isResidual, nonLinearity, type AdapterPlace } from './bottleneckPlaces';
import type { Method } from './method';

export interface BottleneckOptions {
  readonly config: BottleneckConfig;
  readonly model: ModelConfig;
  /** Written to `model_name`. */
  readonly modelName: string;
  readonly seed: number;
  /** Whether importance will be asked for: without it nothing is measured. */
  readonly measures: boolean;
  /** Adapter to continue; its tensors are the start values. */
  readonly adapter?: BottleneckAdapter;
}

const activationOf: Readonly<Record<NonNullable<BottleneckConfig['non_linearity']>, ActivationName>> = {
  gelu: 'gelu_erf',
  relu: 'relu',
  swish: 'silu',
};

/**
 * Bottleneck adapters a(z) = W_up σ(W_down z + b_d) + b_u at the places of the `adapters` library for pre-norm decoders
 * (`models/gpt2/modeling_gpt2.py`, `models/llama/modeling_llama.py`, `methods/modeling.py`), with h the residual stream
 * and f the output of a sublayer: Houlsby et al. (arXiv 1902.00751) h + f + a(f) after attention and MLP; Pfeiffer et al.
 * (arXiv 2005.00247) h + f + a(h + f) after the MLP. Rebuffi et al. (arXiv 1705.08045) leave out bottleneck and σ:
 * f + αf in series, αx beside the projection that makes f in parallel, α zero at the start.
 */
export function bottleneckMethod(options: BottleneckOptions): Method {
  const { config, model, seed } = options;
  const places = adapterPlaces(config, model);
  if (options.adapter) checkContinuesAdapter(options.adapter, config, places);
  const norms = new Set(tensorCatalog(model).flatMap(({ kind, name }) => (kind === 'norm' ? [name] : [])));
  const build: Build = { config, places, measures: options.measures };
  return {
    type: 'bottleneck',
    trainsBase: name => config.train_layer_norms && norms.has(name),
    linear: (graph, module, x, base) => {
      const y = linear(graph, module.path, x, base);
      const place = places.find(one => one.module.path === module.path);
      if (!place || config.placement !== 'residual_parallel') return y;
      return add(graph, `${place.prefix}.sum`, y, adapt(graph, build, place, x));
    },
    residual: (graph, { path, block, kind }, h, f) => {
      const place = places.find(one => one.block === block && one.kind === kind);
      const name = `${path}.${kind}_residual`;
      if (!place || config.placement === 'residual_parallel') return add(graph, name, h, f);
      if (config.placement === 'pfeiffer') {
        const sum = add(graph, name, h, f);
        return add(graph, `${place.prefix}.sum`, sum, adapt(graph, build, place, sum));
      }
      return add(graph, name, h, add(graph, `${place.prefix}.sum`, f, adapt(graph, build, place, f)));
    },
    initialValue: spec => options.adapter?.tensors.get(spec.tensor.name) ?? initialValue(spec, config, seed),
    startValue: name => options.adapter?.tensors.get(name),
    importance: recording => bottleneckImportance(recording, places),
    exportFiles: values => {
      const trained = config.train_layer_norms ? tensorCatalog(model).filter(({ name }) => norms.has(name)) : [];
      return writeBottleneckAdapter({ config, model, modelName: options.modelName, places, norms: trained, values });
    },
  };
}

interface Build {
  readonly config: BottleneckConfig;
  readonly places: readonly AdapterPlace[];
  readonly measures: boolean;
}

/** a(z), or αz. */
function adapt(graph: GraphBuilder, { config, places, measures }: Build, place: AdapterPlace, z: Tensor): Tensor {
  const { prefix, tensors } = place;
  const [weight, bias, upWeight, upBias] = tensors.map(({ name, shape }) =>
    graph.parameter(name, shape, { category: 'adapter', trainable: true, decay: shape.length > 1 }),
  );
  const a = isResidual(config.placement)
    ? linear(graph, `${prefix}.alpha`, z, { weight, layout: 'oi' })
    : up(linear(graph, `${prefix}.adapter_down`, z, { weight, bias, layout: 'oi' }));
  if (measures)
    meterGate(graph, `${prefix}.gate`, { z, a, state: gateState(graph, places), index: places.indexOf(place) });
  return a;

  function up(down: Tensor): Tensor {
    const hidden = activation(graph, `${prefix}.non_linearity`, down, activationOf[nonLinearity(config)]);
    return linear(graph, `${prefix}.adapter_up`, hidden, { weight: upWeight, bias: upBias, layout: 'oi' });
  }
}

/** `Adapter.__init__` of the `adapters` library (`methods/modeling.py`); α and every bias are zero. */
function initialValue({ tensor }: ParameterSpec, config: BottleneckConfig, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(elements(tensor.shape));
  if (tensor.shape.length < 2 || isResidual(config.placement)) return values;
  const key = { seed, stream: streamOf(tensor.name) };
  const draw = drawer(config.init_weights, tensor, key);
  if (draw) for (let i = 0; i < values.length; i++) values[i] = draw(i);
  return values;
}

function drawer(init: BottleneckConfig['init_weights'], { name, shape }: Tensor, key: RandomKey) {
  if (init === 'bert') return (i: number) => 0.02 * normal(key, i);
  if (init === 'houlsby') return (i: number) => 0.01 * truncatedNormal(key, i, 2);
  if (name.endsWith('adapter_up.weight')) return undefined;
  const bound = 1 / Math.sqrt(shape[1]);
  return (i: number) => (2 * uniform(key, i) - 1) * bound;
}
