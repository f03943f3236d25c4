type Child = Node | string | undefined;

/** An element with a class and children; text is never parsed as markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children.filter(child => child !== undefined));
  return made;
}

/** An icon of the editor's own set; decorative, so hidden from screen readers. */
export function icon(name: string): HTMLElement {
  const made = element('span', `codicon codicon-${name}`);
  made.setAttribute('aria-hidden', 'true');
  return made;
}
