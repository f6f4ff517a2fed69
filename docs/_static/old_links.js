// api.html#fastmem.Network.predict was the place of a name before each had a page.
const wanted = decodeURIComponent(location.hash.slice(1));
const pages = [...document.querySelectorAll('article a[href^="api/"]')].map(link => link.getAttribute("href").split("#")[0]);
const page = pages.filter(page => `${wanted}.`.startsWith(page.slice(4, -4))).sort((a, b) => b.length - a.length)[0];
if (page && !document.getElementById(wanted)) location.replace(`${page}#${wanted}`);
