/** Which rows of the table run in a page and in a Worker. */

/** By the names that the table has for them. */
export const WEB_ROWS = ["adapter memory", "remote http", "type counter", "type add-wins-set", "type register-map"] as const
