import type { ComparedGroup } from '../../../src/common/comparison/groups';
import type { ColourName } from '../charts/theme';

/** How a group looks in every chart and in the table. */
export interface Look {
  readonly colour: ColourName;
  /** One more with the colour of another. */
  readonly isRepeat: boolean;
  readonly shape: 'circle' | 'triangle' | 'rect' | 'rectRot' | 'crossRot';
}

const colours = ['blue', 'orange', 'green', 'purple', 'red', 'teal', 'yellow', 'grey'] as const;
const shapes = ['circle', 'triangle', 'rect', 'rectRot'] as const;

/**
 * A colour each in the order of the definition; neighbours differ in shape as well, so that colour is not all that tells
 * them apart, and with more groups than colours the curves of the others are dashed. What does not train is a cross.
 */
export function looksOf(groups: readonly Pick<ComparedGroup, 'trains'>[]): Look[] {
  let next = 0;
  return groups.map(({ trains }): Look => {
    if (!trains) return { colour: 'foreground', shape: 'crossRot', isRepeat: false };
    const i = next++;
    const round = Math.floor(i / colours.length);
    return { colour: colours[i % colours.length], shape: shapes[(i + round) % shapes.length], isRepeat: round > 0 };
  });
}
