// Written by `npm run build` in web. Do not edit.
&[
    File {
        path: "/assets/icon-BHxBnfw4.svg",
        content_type: "image/svg+xml",
        tag: "934e9132896a693d",
        bytes: include_bytes!("assets/icon-BHxBnfw4.svg"),
        brotli: include_bytes!("assets/icon-BHxBnfw4.svg.br"),
    },
    File {
        path: "/assets/index-DRWJolDZ.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "e009e9791c4732dc",
        bytes: include_bytes!("assets/index-DRWJolDZ.js"),
        brotli: include_bytes!("assets/index-DRWJolDZ.js.br"),
    },
    File {
        path: "/assets/index-ERF241eo.css",
        content_type: "text/css; charset=utf-8",
        tag: "9800d1d77686a311",
        bytes: include_bytes!("assets/index-ERF241eo.css"),
        brotli: include_bytes!("assets/index-ERF241eo.css.br"),
    },
    File {
        path: "/assets/licences-10_HjLcv.txt",
        content_type: "text/plain; charset=utf-8",
        tag: "e4f3b2873da58eda",
        bytes: include_bytes!("assets/licences-10_HjLcv.txt"),
        brotli: include_bytes!("assets/licences-10_HjLcv.txt.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "ac1fdcc3e51e2341",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
