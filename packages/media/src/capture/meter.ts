/** A sound's level, in dB below full scale: 0 is the loudest there is, `SILENCE` the least that is told apart. */
export interface Level {
  /** Mean power of the last 43 ms. */
  readonly loudness: number;
  /** Loudest sample of the last 43 ms. */
  readonly peak: number;
  /** Loudest sample of late: held, then falling. */
  readonly held: number;
}

/** What counts as no sound, in dBFS. */
export const SILENCE = -90;
/** How long a peak is held, in milliseconds, and how fast it falls after that, in dB per second, as on studio meters. */
const [HOLD_MS, FALL] = [1_500, 20];

const decibels = (amplitude: number) =>
  amplitude > 0 ? Math.max(SILENCE, 20 * Math.log10(amplitude)) : SILENCE;

/** The readings of a meter, from samples in -1 to 1 and the time at which they were taken, in milliseconds. */
export class Ballistics {
  #held = SILENCE;
  #since = 0;
  #last = 0;

  read(samples: Float32Array, now: number): Level {
    let [most, power] = [0, 0];
    for (const sample of samples) {
      most = Math.max(most, Math.abs(sample));
      power += sample * sample;
    }
    const peak = decibels(most);
    const falling = Math.max(0, now - Math.max(this.#last, this.#since + HOLD_MS));
    const fallen = Math.max(SILENCE, this.#held - (falling * FALL) / 1000);
    if (peak >= fallen) this.#since = now;
    this.#held = Math.max(peak, fallen);
    this.#last = now;
    return { loudness: decibels(Math.sqrt(power / samples.length)), peak, held: this.#held };
  }
}

/** A meter on a track. */
export interface Meter {
  /** The level of the last 43 ms; call it as often as it is drawn. */
  read(): Level;
  close(): void;
}

/** Listens to a live audio track without playing it. A page that nobody has touched yet may read silence. */
export function openMeter(track: MediaStreamTrack): Meter {
  const context = new AudioContext();
  const source = new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) });
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  source.connect(analyser);
  void context.resume().catch(() => {}); // refused until the first click; the context then starts by itself
  const samples = new Float32Array(analyser.fftSize);
  const ballistics = new Ballistics();
  return {
    read() {
      analyser.getFloatTimeDomainData(samples);
      return ballistics.read(samples, performance.now());
    },
    close: () => void context.close().catch(() => {}),
  };
}
