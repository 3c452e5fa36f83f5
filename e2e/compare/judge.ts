/** When a difference counts. */

/** How often a program runs that fails with `auto` only. */
export const RUNS = 5

/** How many of these runs have to fail: machines are loaded and some programs fail now and then anywhere. */
export const ENOUGH = 3
