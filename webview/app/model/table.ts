/** A table as text, for the table twin of a chart and for its CSV. */
export interface TableModel {
  readonly caption: string;
  readonly columns: readonly { readonly label: string; readonly numeric: boolean }[];
  readonly rows: readonly (readonly string[])[];
}

/** RFC 4180 text: commas, quotes and line breaks quoted, lines end in CRLF. */
export function toCsv(table: TableModel): string {
  const lines = [table.columns.map(column => column.label), ...table.rows];
  return lines.map(cells => cells.map(quote).join(',') + '\r\n').join('');
}

function quote(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
