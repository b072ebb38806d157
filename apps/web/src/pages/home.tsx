import { Link } from "wouter";
import { buttonClass } from "../ui/button.tsx";
import { Heading, Panel } from "../ui/parts.tsx";

const ways = [
  {
    to: "/watch",
    name: "Watch",
    does: "See what is on air",
    about: "Live streams, straight from the tabs that make them.",
  },
  {
    to: "/broadcast",
    name: "Broadcast",
    does: "Go live",
    about: "Your stream leaves this tab once; workers turn it into every size.",
  },
  {
    to: "/earn",
    name: "Earn",
    does: "Put this tab to work",
    about: "It transcodes for others and is paid for every segment they verify.",
  },
] as const;

/** Where people arrive: what can be done here. It asks nothing of the network, so nobody learns that it was opened. */
export default function HomePage() {
  return (
    <>
      <Heading title="Live video, made by browser tabs">
        Nobody is connected to this tab until you choose something to do.
      </Heading>
      <div className="grid gap-4 sm:grid-cols-3">
        {ways.map(({ to, name, does, about }) => (
          <Panel key={to} title={name} className="flex flex-col">
            <p className="mb-4 flex-1 text-[0.9375rem] text-muted">{about}</p>
            <Link href={to} className={buttonClass(to === "/watch" ? "main" : "plain")}>
              {does}
            </Link>
          </Panel>
        ))}
      </div>
    </>
  );
}
