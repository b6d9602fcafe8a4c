/** A planted bug: one textual change of the product's sources, which has to be found. */
export interface PlantedBug {
  readonly id: string
  /** Rule of the sync model that it takes out; "-": a mistake of another kind. */
  readonly rule: string
  readonly says: string
  readonly file: string
  readonly find: string
  readonly replace: string
  /** Title of a history that breaks. */
  readonly history?: string
  /** It is found within so many seeds, from 1 on, if no history finds it. */
  readonly seeds?: number
}
