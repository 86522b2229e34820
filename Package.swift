// swift-tools-version: 6.2
// The package: one library product, Reactor; the benchmark and the examples stay undeclared
// as products, so that depending on Reactor fetches nothing they need.

import PackageDescription

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func example(_ name: String, _ more: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name,
        dependencies: [
            "Reactor", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ] + more, path: "Examples/\(name)", swiftSettings: settings)
}

/// A program that a test runs.
func fixture(_ name: String) -> Target {
    .executableTarget(
        name: name, dependencies: ["Reactor"], path: "Tests/Fixtures/\(name)",
        swiftSettings: settings)
}

/// The benchmark and its C are full of pointers: they are not under strict memory safety.
let benchSettings = Array(settings.dropFirst())

let package = Package(
    name: "Reactor",
    platforms: [.macOS("26.0")],
    products: [.library(name: "Reactor", targets: ["Reactor"])],
    traits: [
        .default(enabledTraits: ["Backtraces"]),
        .trait(
            name: "Backtraces",
            description: "The lines of waits, under REACTOR_DEBUG=1, by Swift's module Runtime."),
        .trait(
            name: "ServiceLifecycle",
            description: "ListenerService, for the service groups of swift-service-lifecycle."),
        .trait(
            name: "Metrics",
            description: "LoopMetrics: the loops' statistics, recorded with swift-metrics."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
        .package(url: "https://github.com/apple/swift-collections", .upToNextMinor(from: "1.6.0")),
        .package(url: "https://github.com/apple/swift-system", .upToNextMinor(from: "1.8.1")),
        .package(
            url: "https://github.com/apple/swift-argument-parser",
            .upToNextMinor(from: "1.8.2")),
        .package(
            url: "https://github.com/HdrHistogram/hdrhistogram-swift",
            .upToNextMinor(from: "0.2.0")),
        .package(url: "https://github.com/apple/swift-nio", .upToNextMinor(from: "2.101.2")),
        // Without its trait, which would add Foundation.
        .package(
            url: "https://github.com/swiftlang/swift-subprocess", .upToNextMinor(from: "1.0.2"),
            traits: []),
        .package(
            url: "https://github.com/apple/swift-service-context",
            .upToNextMinor(from: "1.5.1")),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle",
            .upToNextMinor(from: "2.13.0")),
        .package(url: "https://github.com/apple/swift-metrics", .upToNextMinor(from: "2.13.0")),
    ],
    targets: [
        .systemLibrary(
            name: "CUV", pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),
        .target(name: "CReactor"),
        .target(
            name: "Reactor",
            dependencies: [
                "CUV", "CReactor",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
                .product(
                    name: "CoreMetrics", package: "swift-metrics",
                    condition: .when(traits: ["Metrics"])),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "Readme", dependencies: ["Reactor"], path: "Examples/Readme",
            swiftSettings: settings),
        example("EchoServer"),
        example("TCPProxy"),
        example("FileServer", [.product(name: "SystemPackage", package: "swift-system")]),
        example("UDPEcho"),
        example("RunParallel"),
        example("KeepRunning"),
        example("Breadcrumbs"),
        .executableTarget(
            name: "reactor-top",
            dependencies: [
                "Reactor", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: benchSettings),
        .target(name: "CBaseline", dependencies: ["CUV"]),
        .target(name: "CFaults", path: "Tests/CFaults"),
        fixture("RunFromMain"),
        fixture("RunFromAtMain"),
        fixture("StopOnSignal"),
        fixture("Inspected"),
        .testTarget(
            name: "ReactorTests",
            dependencies: [
                "Reactor", "CFaults",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceContextModule", package: "swift-service-context"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "bench",
            dependencies: [
                "Reactor", "CBaseline",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: benchSettings),
    ]
)
