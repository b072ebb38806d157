import { useEffect, useRef } from "react";
import "uplot/dist/uPlot.min.css";
import type uPlot from "uplot";

export interface Series {
  readonly label: string;
  /** Draws it dashed, so that two lines differ without colour. */
  readonly dashed?: boolean;
}

/** A live line plot over the last seconds. The caller says in one line of text what it shows. */
export function Plot({
  times,
  values,
  series,
  unit,
}: {
  /** Unix seconds, ascending. */
  times: readonly number[];
  /** One list per series, as long as `times`. */
  values: readonly (readonly number[])[];
  series: readonly Series[];
  unit: (value: number) => string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data = useRef<uPlot.AlignedData>([[]]);

  useEffect(() => {
    data.current = [[...times], ...values.map((list) => [...list])];
    plot.current?.setData(data.current);
  }, [times, values]);

  useEffect(() => {
    const at = box.current;
    if (at === null) return;
    let closed = false;
    const draw = async () => {
      const { default: Uplot } = await import("uplot");
      if (closed) return;
      plot.current?.destroy();
      // Canvas knows no light-dark(); a computed colour is plain.
      const ink = getComputedStyle(at).color;
      const accent = getComputedStyle(probe.current ?? at).color;
      const axis = { stroke: ink, grid: { stroke: "rgb(128 128 128 / 0.2)", width: 1 } };
      plot.current = new Uplot(
        {
          width: at.clientWidth,
          height: 180,
          legend: { show: false },
          cursor: { show: false },
          scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.15, 1)] } },
          axes: [
            {
              ...axis,
              values: (_, ticks) =>
                ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString("en-GB")),
              space: 90,
            },
            { ...axis, values: (_, ticks) => ticks.map(unit), size: 84 },
          ],
          series: [
            {},
            ...series.map(({ label, dashed = false }) => ({
              label,
              stroke: accent,
              width: 2,
              ...(dashed && { dash: [6, 4] }),
              points: { show: false },
            })),
          ],
        },
        data.current,
        at,
      );
    };
    void draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: at.clientWidth, height: 180 }),
    );
    resized.observe(at);
    // The canvas keeps its colours until it is told of a new theme.
    const themed = new MutationObserver(() => void draw());
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    const onSystem = () => void draw();
    system.addEventListener("change", onSystem);
    return () => {
      closed = true;
      resized.disconnect();
      themed.disconnect();
      system.removeEventListener("change", onSystem);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [series, unit]);

  return (
    <div aria-hidden="true">
      <span ref={probe} className="text-accent" />
      <div ref={box} className="w-full overflow-hidden text-muted" />
    </div>
  );
}
