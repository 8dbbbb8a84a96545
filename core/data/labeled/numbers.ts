/** A growing list of numbers in a typed array: 4 or 8 bytes each, where a JavaScript array takes up to 16. */
export class Numbers {
  #used = 0;

  #values: Int32Array | Float64Array;
  readonly #make: (length: number) => Int32Array | Float64Array;

  private constructor(values: Int32Array | Float64Array, make: (length: number) => Int32Array | Float64Array) {
    this.#values = values;
    this.#make = make;
  }

  static integers = () => new Numbers(new Int32Array(16), (length) => new Int32Array(length));
  static floats = () => new Numbers(new Float64Array(16), (length) => new Float64Array(length));

  get size(): number {
    return this.#used;
  }

  add(value: number): void {
    if (this.#used === this.#values.length) {
      const larger = this.#make(Math.ceil(1.5 * this.#used));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#used++] = value;
  }

  at(index: number): number {
    if (index < 0 || index >= this.#used) throw new RangeError(`there is no number ${index} among ${this.#used}`);
    return this.#values[index]!;
  }
}
