/** A call that will go away: since when it is deprecated, when it ends, where its replacement is described. */
export interface Deprecation {
  since: Date;
  /** Not before `since`. */
  sunset?: Date;
  /** A page for people. */
  link: string;
}

/**
 * The headers that every answer of a deprecated call carries (RFC 9745, RFC 8594).
 * @throws RangeError when the sunset comes before the deprecation
 */
export function deprecationHeaders({ since, sunset, link }: Deprecation): Record<string, string> {
  if (sunset && sunset < since) throw new RangeError('A call cannot end before it is deprecated');
  return {
    deprecation: `@${Math.floor(since.getTime() / 1_000)}`,
    ...(sunset && { sunset: sunset.toUTCString() }),
    link: `<${link}>; rel="deprecation"; type="text/html"`,
  };
}
