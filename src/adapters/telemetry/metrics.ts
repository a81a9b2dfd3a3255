import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

/** What `/metrics` counts. Labels are route names and codes, never anything that a caller sends. */
export interface Metrics {
  countAnswer(route: string, status: number, milliseconds: number): void;
  countFault(): void;
  /** A number that is asked for when somebody scrapes. */
  observe(name: string, help: string, read: () => number): void;
  text(): Promise<string>;
}

/** Metrics in this process, in Prometheus text form. */
export function openMetrics(): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const meter = provider.getMeter("sallyport");
  // Without the "target": its name is made from the path of this process's program, which is nobody's business who scrapes without a token.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const answers = meter.createHistogram("sallyport_answer_duration", {
    unit: "ms",
    description: "Time from request to answer, by route and status.",
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 30000] },
  });
  const faults = meter.createCounter("sallyport_faults", { description: "Faults that callers were not told in their own words." });
  faults.add(0);
  return {
    countAnswer: (route, status, milliseconds) => answers.record(milliseconds, { route, status: String(status) }),
    countFault: () => faults.add(1),
    observe: (name, description, read) =>
      meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(read())),
    text: async () => serializer.serialize((await exporter.collect()).resourceMetrics),
  };
}
