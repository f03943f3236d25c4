import type { ImportanceTable } from '../../../src/common/run/events';
import type { Tensor } from '../graph/tensor';
import { alignment } from '../memory/layout';
import { emitUpdateNorm } from '../ops/importance';
import { emitGather, emitSelection } from '../ops/selection';
import { moduleTable } from './loraImportance';
import type { ImportancePlan, MethodRecorder } from './method';
import type { WeightloraModule, WeightloraParts } from './weightlora';

/** 1 for adapters that the last selection kept, in the order of the live modules. */
export const keptState = 'weightlora.kept';

/** Floats from one ω to the next: each has a slot of its own in the arena. */
const stride = alignment / 4;

/** After the update: all but the best ω become 0 where the schedule says so. */
export function emitWeightloraSelection(recording: MethodRecorder, parts: WeightloraParts): void {
  const { recorder, trainables } = recording;
  const { live, schedule, options } = parts;
  const range = trainables.ranges.find(({ group }) => trainables.groups[group].optimizer === 'sgd');
  if (!range) return;
  const norms = options.config.selection === 'omega_norm' ? recorder.temp('norms', [live.length]) : undefined;
  if (norms) emitNorms(recording, parts, norms, 0);
  emitSelection(recorder, {
    omega: range.parameter,
    gradient: range.gradient,
    stride,
    count: live.length,
    norms,
    keep: Math.min(schedule.keep, live.length),
    kept: recording.state(keptState, [live.length]),
  });
}

function emitNorms({ recorder, trainables }: MethodRecorder, parts: WeightloraParts, out: Tensor, first: number): void {
  const byName = new Map(trainables.specs.map(spec => [spec.tensor.name, spec.tensor]));
  parts.live.forEach(({ nameA, nameB }, index) => {
    const [a, b] = [byName.get(nameA) as Tensor, byName.get(nameB) as Tensor];
    emitUpdateNorm(recorder, { a, b, scale: parts.scale }, out, first + index);
  });
}

/** ω, s·‖BA‖_F, the lecture's share |ω|·‖BA‖_F / Σ‖BA‖_F, and what is kept, for every module of the start. */
export function weightloraImportance(recording: MethodRecorder, parts: WeightloraParts): ImportancePlan | undefined {
  const { recorder, trainables } = recording;
  const { live } = parts;
  const range = trainables.ranges.find(({ group }) => trainables.groups[group].optimizer === 'sgd');
  if (!range) return undefined;
  const output = recorder.tensor('importance', [2 * live.length], 'state');
  emitGather(recorder, range.parameter, stride, output, [0, live.length]);
  emitNorms(recording, parts, output, live.length);
  return {
    output,
    count: 2 * live.length,
    report: values => {
      const omega = values.subarray(0, live.length);
      const norm = values.subarray(live.length, 2 * live.length);
      const total = norm.reduce((sum, value) => sum + value, 0);
      const shares = omega.map((value, index) => (total > 0 ? (Math.abs(value) * norm[index]) / total : 0));
      const actual = omega.filter(value => value !== 0).length;
      return {
        tables: [
          spread('omega', parts, omega),
          spread('update_norm', parts, norm),
          spread('share', parts, shares),
          spread(
            'kept',
            parts,
            omega.map(value => (value === 0 ? 0 : 1)),
          ),
        ],
        budget: { planned: parts.schedule.keep, actual },
      };
    },
  };
}

/** Values of the live modules among those of the start: the others are 0. */
function spread(metric: string, { all, live }: WeightloraParts, values: Float32Array): ImportanceTable {
  const byModule = new Map<WeightloraModule, number>(live.map((module, index) => [module, values[index]]));
  return moduleTable(
    metric,
    all,
    all.map(module => byModule.get(module) ?? 0),
  );
}
