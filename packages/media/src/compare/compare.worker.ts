import { serve } from "../port.ts";
import { compareHere } from "./compare.ts";
import { makeReferences } from "./reference.ts";
import type { CompareRequest, Comparison, Reference, ReferenceRequest } from "./types.ts";

/** What the verifying worker does: references of a source segment, or the comparison of one rendition. */
export type VerifyCall =
  | { readonly do: "reference"; readonly request: ReferenceRequest }
  | { readonly do: "compare"; readonly request: CompareRequest };
export type VerifyResult =
  | { readonly done: "reference"; readonly result: Reference[] }
  | { readonly done: "compare"; readonly result: Comparison };

serve<VerifyCall, never, VerifyResult>(
  async (call, { signal }) =>
    call.do === "reference"
      ? { done: "reference", result: await makeReferences(call.request, signal) }
      : { done: "compare", result: await compareHere(call.request, signal) },
  () => [],
);
