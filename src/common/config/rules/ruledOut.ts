/** A mistake that the engine leaves no room for. */
export interface RuledOut {
  readonly id: string;
  readonly title: string;
  /** Why it cannot happen. */
  readonly why: string;
}

export const ruledOutMemory: readonly RuledOut[] = [
  {
    id: 'M03',
    title: 'Logits larger than a binding',
    why: 'The loss is computed in pieces of the stream and of the vocabulary, forward and backward at once; no tensor holds the logits of a whole stream.',
  },
  {
    id: 'M04',
    title: 'Attention scores larger than a binding',
    why: 'Attention keeps a running softmax; no tensor has a row and a column for each token.',
  },
  {
    id: 'M07',
    title: 'Checkpoints of several blocks at once',
    why: 'There is no key for it: what one block keeps outweighs its input ten times and more, so single blocks need least, or within a tenth of it, up to 32 blocks.',
  },
  {
    id: 'M12',
    title: 'A disk too full for what is offloaded',
    why: 'The engine asks the disk of the machine that trains before the run takes anything, and refuses with what is needed and what is free; the editor cannot see that disk.',
  },
  {
    id: 'M13',
    title: 'More workgroups than a dimension allows',
    why: 'A launch of more than 65 535 workgroups is spread over two dimensions where it is recorded.',
  },
  {
    id: 'M14',
    title: 'Values that train in 16 bits',
    why: 'Whatever trains is stored and updated as f32; `memory.quantization` applies to frozen weights.',
  },
];
