import { Chart, Filler, LinearScale, LineController, LineElement, LogarithmicScale, PointElement } from 'chart.js';
import zoom from 'chartjs-plugin-zoom';

/** Registers only what this page draws with, which keeps the bundle small. Call once, before the first chart. */
export function registerCharts(): void {
  Chart.register(LineController, LineElement, PointElement, LinearScale, LogarithmicScale, Filler, zoom);
  Chart.defaults.animation = false;
  Chart.defaults.font.size = 11;
}
