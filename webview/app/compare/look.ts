import type { ComparedGroup } from '../../../src/common/comparison/groups';
import type { ColourName } from '../charts/theme';

/** How a group looks in every chart and in the table. */
export interface Look {
  readonly colour: ColourName;
  readonly shape: 'circle' | 'triangle' | 'rect' | 'rectRot' | 'crossRot';
}

const colours = ['blue', 'orange', 'green', 'purple', 'red', 'teal', 'yellow', 'grey'] as const;
const shapes = ['circle', 'triangle', 'rect', 'rectRot'] as const;

/**
 * A colour each in the order of the definition; neighbours in shape as well, so that colour is not all that tells them apart.
 * What does not train is a cross.
 */
export function looksOf(groups: readonly ComparedGroup[]): Look[] {
  return groups.map(({ trains }, i) => ({
    colour: colours[i % colours.length],
    shape: trains ? shapes[(i + Math.floor(i / colours.length)) % shapes.length] : 'crossRot',
  }));
}
