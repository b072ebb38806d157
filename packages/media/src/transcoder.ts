import { alone, Caller } from "./port.ts";
import { checkRequest } from "./transcode.ts";
import type { WorkCall, WorkResult } from "./transcode.worker.ts";
import type { Capability, CodecName, Transcoder } from "./types.ts";

const openWorker = () =>
  new Caller<WorkCall, number, WorkResult>(
    new Worker(new URL("./transcode.worker.ts", import.meta.url), { type: "module" }),
  );

/**
 * A dedicated worker that turns segments into renditions, one at a time, in order. The request's bytes are copied, since
 * the caller keeps them; the renditions are moved. Rejects with MediaError, or with the signal's reason on abort.
 */
export function createTranscoder(): Transcoder {
  const worker = openWorker();
  return {
    transcode: async (request, { signal, progress }) => {
      checkRequest(request); // before the bytes are copied to the worker
      const answer = await worker.call(
        {
          do: "transcode",
          request: { ...request, init: alone(request.init), media: alone(request.media) },
        },
        { signal, ...(progress ? { news: progress } : {}) },
      );
      if (answer.done !== "transcode") throw new TypeError("the worker answered another call");
      return answer.result;
    },
    close: () => worker.close(),
  };
}

/**
 * Measures this device for about a second: decodes a generated 720p clip and encodes it at 480p, 360p and 240p, through
 * the code that does the work. `progress` is told the frames done so far. Rejects with MediaError or the signal's reason.
 */
export async function measure({
  codec,
  signal,
  progress,
}: {
  readonly codec: CodecName;
  readonly signal: AbortSignal;
  readonly progress?: (frames: number) => void;
}): Promise<Capability> {
  const worker = openWorker();
  try {
    const answer = await worker.call(
      { do: "measure", codec },
      { signal, ...(progress ? { news: progress } : {}) },
    );
    if (answer.done !== "measure") throw new TypeError("the worker answered another call");
    return answer.result;
  } finally {
    worker.close();
  }
}
