/** A reference that cannot be replaced. The message names it, and what is wrong with it. */
export class BindingError extends Error {}
