import { AddressRefused, NameNotResolved } from './guarded-connect.js';

/** What the tenant is told of an attempt that got no answer. Nothing of ours shows in it: no address, no stack. */
const WORDS: readonly (readonly [codes: RegExp, words: string])[] = [
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, 'No connection could be made within 3 seconds.'],
  [/^ECONNREFUSED$/, 'The connection was refused.'],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, 'The address cannot be reached.'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'The connection was closed before an answer came.'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'The certificate is for another host.'],
  [/^CERT_HAS_EXPIRED$/, 'The certificate has expired.'],
  [/SELF_SIGNED|UNABLE_TO_|^CERT_/, 'The certificate is not signed by a known authority.'],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_)/, 'No TLS connection could be agreed on.'],
  [/^UND_ERR_HEADERS_OVERFLOW$/, 'The answer has more than 16 KB of headers.'],
  [/^(HPE_|UND_ERR_RES)/, 'What was answered is not HTTP.'],
];

/** Why no answer came, in words that may be shown to the tenant. */
export function wordsOf(error: unknown): string {
  if (error instanceof AddressRefused)
    return 'The host is not on the public network, where webhooks may be sent.';
  if (error instanceof NameNotResolved) return 'The name of the host could not be resolved.';
  const code = codeOf(error);
  return WORDS.find(([codes]) => codes.test(code))?.[1] ?? 'The request could not be sent.';
}

/** An error of several addresses carries the code of one of them. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'errors' in error && Array.isArray(error.errors) ? codeOf(error.errors.at(-1)) : '';
}
