// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// One row per layer: what it may import, nothing else. Targets, products and settings are computed from this table.
struct Layer {
    var name: String
    var imports: [String] = []
    var packages: [Target.Dependency] = []
    var optimizesInDebug = false
    var tested = true
}

let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let layers: [Layer] = [
    Layer(name: "WinnowTensor"),
    Layer(name: "WinnowKernels", imports: ["WinnowTensor", "COneDNN", "COpenBLAS", "CWinnowKernels"], optimizesInDebug: true),
    Layer(name: "WinnowGraph", imports: ["WinnowTensor"]),
    Layer(name: "WinnowOperators", imports: ["WinnowTensor", "WinnowGraph", "WinnowKernels"]),
    Layer(name: "WinnowFormats", imports: ["WinnowTensor", "WinnowGraph", "CZlib"], packages: [protobuf]),
    Layer(name: "WinnowEngine", imports: ["WinnowTensor", "WinnowGraph"]),
    Layer(
        name: "WinnowTraining",
        imports: ["WinnowTensor", "WinnowGraph", "WinnowOperators", "WinnowEngine", "WinnowKernels"]),
    Layer(
        name: "WinnowPasses",
        imports: [
            "WinnowTensor", "WinnowGraph", "WinnowOperators", "WinnowEngine", "WinnowTraining", "WinnowKernels",
        ]),
    Layer(name: "WinnowReport", imports: ["WinnowTensor", "WinnowGraph", "WinnowEngine", "WinnowPasses"]),
    Layer(
        name: "Winnow",
        imports: [
            "WinnowTensor", "WinnowKernels", "WinnowGraph", "WinnowOperators", "WinnowFormats", "WinnowEngine",
            "WinnowTraining", "WinnowPasses", "WinnowReport",
        ], packages: [yams, logging]),
]

/// `make setup` puts into `.deps` what the system lacks; what the system has is found without flags.
let dependencies = Context.packageDirectory + "/.deps"
let localSwiftFlags: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-I\(dependencies)/include"])]
let localLinkFlags: [LinkerSetting] = [
    .unsafeFlags(["-L\(dependencies)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(dependencies)/lib"])
]

let swiftSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
    ] + localSwiftFlags

/// Layers whose sources exist; a layer's tests are found in `Tests/<layer>Tests`.
/// SwiftPM caches the answer until this file or the environment changes: `REFRESH=$RANDOM swift build` asks again.
func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + path) }
let present = layers.filter { exists("Sources/\($0.name)") }

var targets: [Target] = present.map { layer in
    .target(
        name: layer.name,
        dependencies: layer.imports.map { .byName(name: $0) } + layer.packages,
        swiftSettings: swiftSettings + (layer.optimizesInDebug ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []),
        linkerSettings: localLinkFlags)
}
targets += [
    .systemLibrary(name: "COneDNN"),
    .systemLibrary(name: "COpenBLAS"),
    .systemLibrary(name: "CZlib"),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .target(name: "CWinnowKernels", cSettings: [.unsafeFlags(["-O3"])]),
]
if exists("Sources/WinnowCommand") {
    targets.append(
        .executableTarget(
            name: "WinnowCommand", dependencies: ["Winnow", argumentParser], swiftSettings: swiftSettings,
            linkerSettings: localLinkFlags))
}
/// Programs that show one technique each: `swift run -c release ThresholdPruning`.
let examples = [
    "ThresholdPruning", "FixedPointQuantization", "Distillation", "PrunerObject", "PercentilePruning", "LowRank",
    "IntegerQuantization",
]
targets += examples.filter { exists("Examples/\($0)") }.map { name in
    .executableTarget(
        name: name, dependencies: ["Winnow"], path: "Examples/\(name)", exclude: ["README.md"], swiftSettings: swiftSettings,
        linkerSettings: localLinkFlags)
}
if exists("Tests/WinnowTestSupport") {
    targets.append(
        .target(
            name: "WinnowTestSupport", dependencies: present.map { .byName(name: $0.name) },
            path: "Tests/WinnowTestSupport", swiftSettings: swiftSettings))
}
targets += present.filter { exists("Tests/\($0.name)Tests") }.map { layer in
    .testTarget(
        name: "\(layer.name)Tests",
        dependencies: present.map { .byName(name: $0.name) } + ["CAllocationCounter"]
            + (exists("Tests/WinnowTestSupport") ? ["WinnowTestSupport"] : []),
        resources: exists("Tests/\(layer.name)Tests/Fixtures") ? [.copy("Fixtures")] : [],
        swiftSettings: swiftSettings, linkerSettings: localLinkFlags)
}
if exists("Tests/WinnowCommandTests") {
    targets.append(
        .testTarget(
            name: "WinnowCommandTests", dependencies: ["WinnowCommand", "Winnow"], swiftSettings: swiftSettings,
            linkerSettings: localLinkFlags))
}

let package = Package(
    name: "winnow",
    products: [.library(name: "Winnow", targets: exists("Sources/Winnow") ? ["Winnow"] : [present[0].name])]
        + (exists("Sources/WinnowCommand") ? [.executable(name: "winnow", targets: ["WinnowCommand"])] : []),
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: targets)
