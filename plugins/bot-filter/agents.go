package main

// knownAgents are user agents that say of themselves that no person is at work.
// Only what names itself is listed: a scanner that calls itself a browser is
// found by its haste. Proxies that load an image when a person opens the mail
// (GoogleImageProxy, YahooMailProxy) are people's, and are not listed.
func knownAgents() []string {
	return []string{
		// Loaded beforehand: Apple's Mail Privacy Protection fetches the images of
		// every mail and calls itself this, nothing else; no browser does.
		"Mozilla/5.0",
		// Security gateways.
		"*Barracuda Sentinel*",
		// Previews of links.
		"*BingPreview*", "*SkypeUriPreview*", "*Slackbot*", "*Slack-ImgProxy*", "*facebookexternalhit*", "*Twitterbot*", "*LinkedInBot*",
		"*TelegramBot*", "*Discordbot*", "WhatsApp/*", "*Google-Safety*",
		// Crawlers.
		"*Googlebot*", "*bingbot*", "*YandexBot*", "*Applebot*", "*DuckDuckBot*", "*Baiduspider*",
		// Programs.
		"*HeadlessChrome*", "*PhantomJS*", "curl/*", "Wget/*", "python-requests/*", "Python-urllib/*", "*aiohttp/*", "Go-http-client/*",
		"libwww-perl/*", "lua-resty-http/*", "Apache-HttpClient/*", "Java/*",
	}
}
