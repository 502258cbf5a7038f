/** Key figures: a name and a number each. */

/** The place of a number that is not known yet. */
export function Blank() {
  return (
    <span class="blank">
      <span class="unseen">Loading</span>
    </span>
  );
}

interface Props {
  readonly label: string;
  /** Names and their numbers; `null` is not known yet. */
  readonly figures: readonly (readonly [string, string | null])[];
}

export function Figures({ label, figures }: Props) {
  return (
    <section class="tiles few" aria-label={label}>
      {figures.map(([name, value]) => (
        <div class="tile still">
          <span class="tile-name">{name}</span>
          <span class="tile-value">{value ?? <Blank />}</span>
        </div>
      ))}
    </section>
  );
}
