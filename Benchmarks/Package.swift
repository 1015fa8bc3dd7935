// swift-tools-version: 6.2
import PackageDescription

/// Winnow beside other runtimes: a package of its own, so that the toolkit never depends on it.
let dependencies = Context.packageDirectory + "/../.deps"

let package = Package(
    name: "winnow-bench",
    dependencies: [
        .package(name: "winnow", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .executableTarget(
            name: "winnow-bench",
            dependencies: [
                .product(name: "Winnow", package: "winnow"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"), .treatAllWarnings(as: .error),
                .unsafeFlags(["-Xcc", "-I\(dependencies)/include"]),
            ],
            linkerSettings: [
                .unsafeFlags(["-L\(dependencies)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(dependencies)/lib"])
            ])
    ])
