// swift-tools-version: 6.2
import PackageDescription

/// One row per layer: what it may import, nothing else. Targets, products and settings are computed from this table.
struct Layer {
    var name: String
    var imports: [String] = []
    var packages: [Target.Dependency] = []
    var optimizesInDebug = false
    var hasFixtures = false
}

let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let layers: [Layer] = [
    Layer(name: "WinnowTensor"),
    Layer(
        name: "WinnowKernels", imports: ["WinnowTensor", "COneDNN", "COpenBLAS", "CWinnowKernels"],
        optimizesInDebug: true, hasFixtures: true),
    Layer(name: "WinnowGraph", imports: ["WinnowTensor"]),
    Layer(name: "WinnowOperators", imports: ["WinnowTensor", "WinnowGraph", "WinnowKernels"]),
    Layer(
        name: "WinnowFormats", imports: ["WinnowTensor", "WinnowGraph", "CZlib", "CPNG", "CJPEG"], packages: [protobuf],
        hasFixtures: true),
    Layer(name: "WinnowEngine", imports: ["WinnowTensor", "WinnowGraph", "WinnowKernels"]),
    Layer(
        name: "WinnowTraining",
        imports: ["WinnowTensor", "WinnowGraph", "WinnowOperators", "WinnowEngine", "WinnowKernels"], hasFixtures: true),
    Layer(
        name: "WinnowPasses",
        imports: [
            "WinnowTensor", "WinnowGraph", "WinnowOperators", "WinnowEngine", "WinnowTraining", "WinnowKernels",
        ], hasFixtures: true),
    Layer(name: "WinnowReport", imports: ["WinnowTensor", "WinnowGraph", "WinnowEngine", "WinnowPasses"]),
    Layer(
        name: "Winnow",
        imports: [
            "WinnowTensor", "WinnowKernels", "WinnowGraph", "WinnowOperators", "WinnowFormats", "WinnowEngine",
            "WinnowTraining", "WinnowPasses", "WinnowReport",
        ], packages: [yams, logging], hasFixtures: true),
]

/// Whether another package depends on this one. Its system libraries then come through pkg-config, for SwiftPM takes no flags
/// from dependencies; `scripts/setup --system` installs them.
let isDependency = Context.packageDirectory.contains("/checkouts/")

/// `make setup` puts into `.deps` what the system lacks; what the system has is found without flags. Where `winnow` is moved,
/// its libraries are looked for beside it and in `../lib`.
let dependencies = Context.packageDirectory + "/.deps"
let localSwiftFlags: [SwiftSetting] = isDependency ? [] : [.unsafeFlags(["-Xcc", "-I\(dependencies)/include"])]
let localLinkFlags: [LinkerSetting] = isDependency ? [] : [
    .unsafeFlags([
        "-L\(dependencies)/lib", "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/../lib", "-Xlinker", "-rpath", "-Xlinker",
        "\(dependencies)/lib",
    ])
]
/// Programs find the library of `winnow.h` by the name under which it is installed.
let libraryName: [LinkerSetting] = isDependency ? [] : [.unsafeFlags(["-Xlinker", "-soname", "-Xlinker", "libwinnow.so.0"], .when(platforms: [.linux]))]
/// Programs run where there is no Swift.
let standalone: [LinkerSetting] = isDependency ? [] : [
    .unsafeFlags(
        ["-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections"],
        .when(platforms: [.linux]))
]
let fastC: [CSetting] = isDependency ? [] : [.unsafeFlags(["-O3"])]

/// A library of the system's: its module map, its name in pkg-config and its package.
func systemLibrary(_ name: String, _ pkgConfig: String, apt: String, brew: String) -> Target {
    .systemLibrary(name: name, pkgConfig: isDependency ? pkgConfig : nil, providers: [.apt([apt]), .brew([brew])])
}

let swiftSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
    ] + localSwiftFlags

var targets: [Target] = layers.map { layer in
    .target(
        name: layer.name,
        dependencies: layer.imports.map { .byName(name: $0) } + layer.packages,
        swiftSettings: swiftSettings + (layer.optimizesInDebug && !isDependency ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []),
        linkerSettings: localLinkFlags)
}
targets += [
    systemLibrary("COneDNN", "dnnl", apt: "libdnnl-dev", brew: "onednn"),
    systemLibrary("COpenBLAS", "lapacke", apt: "liblapacke-dev", brew: "lapack"),
    systemLibrary("CZlib", "zlib", apt: "zlib1g-dev", brew: "zlib"),
    systemLibrary("CPNG", "libpng", apt: "libpng-dev", brew: "libpng"),
    systemLibrary("CJPEG", "libjpeg", apt: "libjpeg-dev", brew: "jpeg-turbo"),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .target(name: "CWinnowKernels", cSettings: fastC),
    .target(name: "CWinnow"),
    .target(
        name: "WinnowC", dependencies: ["Winnow", "WinnowTensor", "CWinnow"], swiftSettings: swiftSettings,
        linkerSettings: localLinkFlags + libraryName + standalone),
    .executableTarget(
        name: "WinnowCommand", dependencies: ["Winnow", argumentParser], swiftSettings: swiftSettings,
        linkerSettings: localLinkFlags + standalone),
    .target(
        name: "WinnowTestSupport", dependencies: layers.map { .byName(name: $0.name) }, path: "Tests/WinnowTestSupport",
        swiftSettings: swiftSettings),
]
/// Programs that show one technique each: `swift run -c release ThresholdPruning`.
let examples = [
    "ThresholdPruning", "FixedPointQuantization", "Distillation", "PrunerObject", "PercentilePruning", "LowRank",
    "IntegerQuantization",
]
targets += examples.map { name in
    .executableTarget(
        name: name, dependencies: ["Winnow"], path: "Examples/\(name)", exclude: ["README.md"], swiftSettings: swiftSettings,
        linkerSettings: localLinkFlags)
}
targets += layers.map { layer in
    .testTarget(
        name: "\(layer.name)Tests",
        dependencies: layers.map { .byName(name: $0.name) } + ["WinnowTestSupport", "CAllocationCounter"] + layer.packages,
        resources: layer.hasFixtures ? [.copy("Fixtures")] : [],
        swiftSettings: swiftSettings, linkerSettings: localLinkFlags)
}

let package = Package(
    name: "winnow",
    products: [
        .library(name: "Winnow", targets: ["Winnow"]),
        .executable(name: "winnow", targets: ["WinnowCommand"]),
        .library(name: "WinnowC", type: .dynamic, targets: ["WinnowC"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: targets)
