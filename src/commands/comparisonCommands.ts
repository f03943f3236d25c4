import { compareMethods } from './compareMethods';
import { openComparison } from './openComparison';
import type { Registrar } from './registrar';
import type { Services } from './services';
import { sweep } from './sweep';

/** Commands about several runs of one config. */
export function registerComparisonCommands(registrar: Registrar, services: Services): void {
  registrar.addAll({
    'peft.compareMethods': (...args) => compareMethods(services, args),
    'peft.sweep': (...args) => sweep(services, args),
    'peft.openComparison': (...args) => openComparison(services, args),
  });
}
