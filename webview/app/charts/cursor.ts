import { Emitter } from '../../../src/common/lifecycle';
import type { Range } from '../model/loss';

/** The step that the linked charts point at, and which of them the person points with. */
export interface CursorPosition {
  readonly step: number;
  readonly source: string;
}

/** What all charts over steps share: one cursor and one zoomed stretch of steps. */
export class LinkedSteps {
  private readonly moved = new Emitter<CursorPosition | undefined>();
  private readonly zoomed = new Emitter<Range | undefined>();
  private position?: CursorPosition;
  private stretch?: Range;

  readonly onDidMove = this.moved.event;
  readonly onDidZoom = this.zoomed.event;

  get current(): CursorPosition | undefined {
    return this.position;
  }

  /** The steps zoomed into; undefined shows all. */
  get window(): Range | undefined {
    return this.stretch;
  }

  move(position: CursorPosition | undefined): void {
    if (this.position?.step === position?.step && this.position?.source === position?.source) return;
    this.position = position;
    this.moved.fire(position);
  }

  zoom(window: Range | undefined): void {
    if (this.stretch?.min === window?.min && this.stretch?.max === window?.max) return;
    this.stretch = window;
    this.zoomed.fire(window);
  }
}
