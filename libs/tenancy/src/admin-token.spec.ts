import { describe, expect, it } from '@jest/globals';
import { newAdminToken, parseAdminToken } from './admin-token.js';
import { newApiKey, parseApiKey } from './api-key.js';

describe('admin token', () => {
  it('is read back as it was made, and names its id in the text', () => {
    const { text, tokenId, secret } = newAdminToken();
    expect(text).toMatch(/^inc_adm_[0-9a-z]{24}_[0-9A-Za-z]{38}$/);
    expect(parseAdminToken(text)).toEqual({ tokenId, secret });
    expect(tokenId).toBe(`adm_${text.split('_')[2]}`);
  });

  it('with any one character changed is refused by its checksum alone', () => {
    const { text } = newAdminToken();
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'x' ? 'y' : 'x';
      expect(parseAdminToken(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined();
    }
  });

  it('is no API key, and an API key is no admin token', () => {
    expect(parseApiKey(newAdminToken().text)).toBeUndefined();
    expect(parseAdminToken(newApiKey('live').text)).toBeUndefined();
  });
});
