extension Page {
    private static let light = "--ink: #1c2126; --paper: #fff; --soft: #5a646d; --line: #dde2e6; --accent: #0b6e4f; --warm: #a8480f; "
        + "--fill: #d7ebe3; --mark: #1c2126"
    private static let dark = "--ink: #e6e9ec; --paper: #15181b; --soft: #a4adb6; --line: #343b42; --accent: #4cc295; --warm: #f0a06a; "
        + "--fill: #1f4236; --mark: #fff"

    static let style = """
        :root { color-scheme: light dark; \(light) }
        @media (prefers-color-scheme: dark) { :root { \(dark) } }
        :root[data-theme=light] { color-scheme: light; \(light) } :root[data-theme=dark] { color-scheme: dark; \(dark) }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px; \
        margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }
        h1 { font-size: 1.5rem; margin: 0 0 .2rem } h2 { font-size: 1.2rem; margin-top: 2.2rem; \
        border-bottom: 1px solid var(--line); padding-bottom: .3rem } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
        .headline { font-size: 1.3rem; line-height: 1.4; margin: .3rem 0 1rem; max-width: 46rem }
        nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; margin: .6rem 0 } a { color: var(--accent) }
        .soft { color: var(--soft) } .warn { color: var(--warm) } header { position: relative }
        button, input { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 6px; padding: .2rem .6rem } \
        button { cursor: pointer } .theme { float: right; margin: 0 0 .5rem 1rem } :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
        .cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); \
        border-radius: 8px; padding: .7rem 1.1rem; min-width: 8rem } .card b { display: block; font-size: 1.6rem } \
        .gain b { color: var(--accent) } .loss b { color: var(--warm) }
        .tools { display: flex; gap: .8rem; align-items: center; margin: .5rem 0 } .tools input { margin-left: .5rem }
        .scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; \
        font-size: .9rem } th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); \
        white-space: nowrap } th:first-child, td:first-child { text-align: left } \
        thead th { color: var(--soft); font-weight: 600; white-space: normal; vertical-align: bottom } \
        tbody th { font-weight: inherit } tbody tr:hover > * { background-color: color-mix(in srgb, var(--line) 45%, transparent) }
        thead button { all: unset; cursor: pointer } thead button:focus-visible { outline: 2px solid var(--accent) } \
        [aria-sort=ascending] button::after { content: ' ▲' } [aria-sort=descending] button::after { content: ' ▼' }
        .findings td:last-child:not(.n) { white-space: normal; min-width: 14rem } .findings th:not(.n), .findings td:not(.n) { text-align: left }
        [data-bar] { background: linear-gradient(var(--fill), var(--fill)) no-repeat 0 50% / var(--bar) 76% }
        svg text { font-size: 11px; fill: var(--soft) } .chart { max-width: 720px; width: 100% } .curve { width: 100% } \
        .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1.5rem } \
        .plots text { font-size: 13px } .grid { stroke: var(--line) }
        .bound { stroke: var(--warm); stroke-dasharray: 5 4 } .series { fill: none; stroke: var(--accent); stroke-width: 2 }
        .point { fill: var(--accent) } .hollow { fill: var(--paper); stroke: var(--warm); stroke-width: 2 } .chosen { stroke: var(--mark); stroke-width: 2 }
        .map { width: 100% } .heat { fill: var(--warm) } .cool { fill: var(--accent) } \
        .map rect { stroke: var(--line) } svg .marked { stroke: var(--mark); stroke-width: 3 }
        #tip { position: absolute; z-index: 1; max-width: 20rem; background: var(--ink); color: var(--paper); border-radius: 6px; \
        padding: .2rem .6rem; font-size: .85rem; pointer-events: none } #tip:empty { display: none }
        .graph { max-height: 34rem; overflow-y: auto } .graph ol { list-style: none; margin: 0; padding: 0 } \
        .graph li:not(.run) { display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline; margin-left: calc(var(--lane) * 1.1rem); \
        padding: .12rem .6rem; border-left: 3px solid var(--line); font-size: .9rem; overflow-wrap: anywhere } .graph li b { font-weight: 600 } \
        .graph .same { color: var(--soft) } .graph li.same b { font-weight: inherit } .graph li.changed { border-color: var(--accent) } \
        .graph li.gone, .graph li.new { border-color: var(--warm) } .graph li.gone { border-left-style: dashed } .graph .gone .name { text-decoration: line-through }
        .mark { border: 1px solid var(--accent); border-radius: 6px; padding: 0 .4rem } .gone .mark, .new .mark { border-color: var(--warm) } \
        .bytes { margin-left: auto; color: var(--soft); font-variant-numeric: tabular-nums } .meter { display: inline-block; width: 6rem; margin-left: .6rem } \
        .meter i { display: block; height: 5px; width: max(1px, var(--bar)); background: var(--soft) } .meter i + i { background: var(--accent); margin-top: 1px }
        .graph .run > details > summary { margin: .1rem 0; color: var(--soft); font-size: .9rem }
        .bars rect { fill: var(--accent) } .grids { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); \
        gap: 1rem } figure { margin: 0; break-inside: avoid } figcaption { font-size: .8rem; color: var(--soft) } code, pre { font-size: .85rem }
        pre { border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; overflow-x: auto } details summary { cursor: pointer; margin: .5rem 0 }
        @media (max-width: 600px) { body { margin: 1rem auto } .headline { font-size: 1.1rem } .card { min-width: 6rem; padding: .5rem .8rem } \
        .card b { font-size: 1.3rem } .graph li:not(.run) { margin-left: calc(var(--lane) * .5rem) } .meter { width: 3rem } \
        .chart text, .map text { font-size: 18px } .grids { grid-template-columns: 1fr 1fr } }
        @media print { :root, :root[data-theme] { color-scheme: light; \(light) } body { max-width: none; margin: 0; padding: 0; font-size: 10pt } \
        nav, .theme, .tools, #tip { display: none } .scroll, pre { overflow: visible; max-height: none } \
        pre { white-space: pre-wrap; overflow-wrap: anywhere } table { font-size: .75rem } \
        th, td { white-space: normal; padding: .2rem .3rem } tbody th:first-child { overflow-wrap: anywhere; min-width: 6rem } \
        .findings td:last-child:not(.n) { min-width: 0 } \
        tr, svg, .card { break-inside: avoid } h2, h3 { break-after: avoid } * { print-color-adjust: exact } }
        """
}
