/** Stands in for hls.js's decrypter: our segments are not encrypted, so it is made and closed, and never asked for more. */
export default class NoDecrypter {
  destroy(): void {}
}
