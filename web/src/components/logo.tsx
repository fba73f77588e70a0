/** A skep: the woven hive, in its cell. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" className="logo">
      <path
        d="M16 1.5 28.6 8.75v14.5L16 30.5 3.4 23.25V8.75z"
        fill="rgb(233 168 32 / 10%)"
        stroke="#e9a820"
        strokeWidth="1.6"
        strokeLinejoin="round"
      />
      <g fill="none" stroke="#e9a820" strokeWidth="2.3" strokeLinecap="round">
        <path d="M14.2 8.6h3.6" />
        <path d="M11.8 12.1h8.4" />
        <path d="M10.2 15.6h11.6" />
        <path d="M9.2 19.1h13.6" />
        <path d="M8.8 22.6h4.4M18.8 22.6h4.4" />
      </g>
    </svg>
  );
}
