import { toPng } from '../charts/paint';
import { createGate, h } from '../dom';
import type { MapModel } from '../model/cells';
import { fatesAt } from '../model/fates';
import { divergingRamp, heatRamp } from '../model/heat';
import { framesOf, metricsOf, noImportanceReason, strongestCell, type Cell, type Frame } from '../model/importance';
import { importanceCsvTable, importanceSummary, importanceTable } from '../model/importanceText';
import { mapPicture } from '../model/mapPicture';
import { mapsOf } from '../model/maps';
import { waitingMessage } from '../model/messages';
import { metricHint, metricText } from '../model/metrics';
import { toSvg, type Picture } from '../model/picture';
import { rankingAt, rankingTable } from '../model/triplets';
import { toggled } from '../preferences';
import { iconButton } from '../toolkit';
import { BudgetPlot } from './budgetPlot';
import { Card } from './card';
import { CellCurves } from './cellCurves';
import { Segmented } from './controls';
import { ImportanceMaps } from './importanceMaps';
import { cellTip, pictureText } from './importanceParts';
import { PinBar } from './pinBar';
import { Scrubber } from './scrubber';
import { TripletPanel } from './tripletPanel';
import type { RunState, View, ViewContext } from './view';

const id = 'importance';
/** Triplets in the table twin; more would make a page of thousands of rows. */
const mostTriplets = 250;

/** Which adapters matter: maps over modules and blocks, a scrubber through the steps, and all about the selected cell. */
export function createImportanceView(context: ViewContext): View {
  return new ImportanceView(context);
}

class ImportanceView implements View {
  readonly element: HTMLElement;
  private readonly card: Card;
  private readonly metric: Segmented;
  private readonly maps: ImportanceMaps;
  private readonly scrubber = new Scrubber(() => this.draw());
  private readonly pin = new PinBar(
    () => this.frame?.step,
    () => this.draw(),
  );
  private readonly budget: BudgetPlot;
  private readonly curves: CellCurves;
  private readonly triplets = new TripletPanel();
  private readonly changed = createGate();
  private state?: RunState;
  private frames: readonly Frame[] = [];
  private chosen?: Cell;

  constructor(private readonly context: ViewContext) {
    const { setPreferences, theme } = context;
    this.metric = new Segmented('metric', 'Importance metric', metric => setPreferences({ metric }));
    this.maps = new ImportanceMaps({
      onSelect: cell => this.select(cell),
      describe: (map, cell) => cellTip(this.state?.run, map, cell),
      onRange: heatRange => setPreferences({ heatRange }),
    });
    const onPick = (step: number): void => this.scrubber.show(step);
    this.budget = new BudgetPlot(context, onPick);
    this.curves = new CellCurves(context, onPick);
    theme.onDidChange(() => this.draw());
    this.card = this.buildCard();
    this.element = this.card.element;
  }

  update(state: RunState): void {
    const { run, preferences } = state;
    if (this.state !== undefined && this.state.run.manifest.id !== run.manifest.id) this.startOver();
    this.state = state;
    if (!this.changed(run.manifest.id, run.importance.length, run.importance.at(-1), run.state, preferences)) return;
    const metrics = metricsOf(run);
    const metric = metrics.includes(preferences.metric) ? preferences.metric : metrics.at(0);
    this.frames = metric === undefined ? [] : framesOf(run, metric);
    const waiting = this.frames.length === 0 ? waitingMessage(run, 'report of importance') : undefined;
    this.card.setEmpty(noImportanceReason(run) ?? waiting);
    if (metric === undefined) {
      this.card.setSubtitle('');
      return;
    }
    const choices = metrics.map(value => ({ value, label: metricText(value).label, hint: metricHint(value) }));
    this.metric.set(choices, metric);
    this.metric.element.hidden = metrics.length < 2;
    this.scrubber.setFrames(this.frames.map(frame => frame.step));
    this.draw();
  }

  dispose(): void {
    for (const part of [this.scrubber, this.maps, this.budget, this.curves]) part.dispose();
  }

  private startOver(): void {
    this.chosen = undefined;
    this.pin.clear();
    this.scrubber.follow();
  }

  private buildCard(): Card {
    const { actions, setPreferences } = this.context;
    const csv = (): void => {
      if (this.state) actions.saveTable(id, importanceCsvTable(this.state.run));
    };
    const png = (): void => {
      const picture = this.picture();
      if (picture) void toPng(picture).then(image => actions.saveImage(id, image));
    };
    const svg = (): void => {
      const picture = this.picture();
      if (picture) actions.saveText(`${id}.svg`, toSvg(picture));
    };
    const card = new Card({
      id,
      title: 'Importance',
      tools: [this.metric.element],
      exports: [
        iconButton({ label: 'Save as image…', icon: 'device-camera', onClick: png }),
        iconButton({ label: 'Save as SVG…', icon: 'file-media', onClick: svg }),
        iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv }),
      ],
      onTable: shown => setPreferences({ tables: toggled(this.state?.preferences.tables ?? [], id, shown) }),
    });
    card.body.append(
      h('div', { class: 'heat-column-main' }, this.maps.element, this.budget.element),
      this.curves.element,
      this.triplets.element,
    );
    this.scrubber.element.append(this.pin.element);
    card.element.append(this.scrubber.element);
    return card;
  }

  private get frame(): Frame | undefined {
    return this.frames[this.scrubber.index];
  }

  private get selected(): Cell | undefined {
    const last = this.frames.at(-1);
    return this.chosen ?? (last && strongestCell(last));
  }

  private select(cell: Cell): void {
    if (this.chosen?.module === cell.module && this.chosen.block === cell.block) return;
    this.chosen = cell;
    this.draw();
  }

  private draw(): void {
    const { frame, state } = this;
    if (frame === undefined || state === undefined) return;
    const { run, preferences } = state;
    const maps = this.mapModels(state, frame);
    const { selected } = this;
    this.maps.draw(maps, selected, this.frames.length > 1 ? preferences.heatRange : undefined);
    this.card.setSubtitle(metricText(frame.table.metric).meaning, metricHint(frame.table.metric));
    const fates = fatesAt(run, frame.step);
    this.card.setSummary(importanceSummary(run, frame, fates));
    this.card.setTable(preferences.tables.includes(id), () => {
      const ranking = rankingAt(run, frame.step);
      const tables = maps.map(map => importanceTable(map.frame, map.fates, map.name));
      return [...tables, ...(ranking === undefined ? [] : [rankingTable(ranking, mostTriplets)])];
    });
    this.budget.draw(run, frame.step);
    if (selected === undefined) return;
    this.curves.draw({ run, metrics: metricsOf(run), cell: selected, step: frame.step });
    this.triplets.draw(rankingAt(run, frame.step), selected);
  }

  private mapModels({ run, preferences }: RunState, frame: Frame): MapModel[] {
    const { colours } = this.context.theme.current;
    const inks = [colours.foreground, colours.page] as const;
    const { pinned: step, difference } = this.pin;
    const pinned = this.frames.find(one => one.step === step);
    const choice = { frames: this.frames, frame, pinned, difference, range: preferences.heatRange };
    return mapsOf(choice, {
      ramp: heatRamp(colours.card, colours.blue, inks),
      diverging: divergingRamp(colours.card, [colours.orange, colours.blue], inks),
      fates: at => fatesAt(run, at),
    });
  }

  private picture(): Picture | undefined {
    const { state, frame } = this;
    if (state === undefined || frame === undefined) return undefined;
    const { colours, fontFamily } = this.context.theme.current;
    return mapPicture(this.mapModels(state, frame), pictureText(state.run, frame), { ...colours, fontFamily });
  }
}
