import { Emitter } from '../../../src/common/lifecycle';

/** The step that the linked charts point at, and which of them the person points with. */
export interface CursorPosition {
  readonly step: number;
  readonly source: string;
}

/** One cursor for all charts over steps. */
export class LinkedCursor {
  private readonly moved = new Emitter<CursorPosition | undefined>();
  private position?: CursorPosition;

  readonly onDidMove = this.moved.event;

  get current(): CursorPosition | undefined {
    return this.position;
  }

  move(position: CursorPosition | undefined): void {
    if (this.position?.step === position?.step && this.position?.source === position?.source) return;
    this.position = position;
    this.moved.fire(position);
  }
}
